package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// maxAnswer bounds what is read of a node's answer, in bytes.
const maxAnswer = 1 << 20

func parse(at string) (*url.URL, error) { return url.Parse(at) }

// newProbe returns how to look at a node, and how to let go of it.
func newProbe(n Node, client *http.Client, o Options) (look probe, end func()) {
	base, nothing := strings.TrimRight(n.At, "/"), func() {}
	switch n.Kind {
	case Postgres:
		return patroniProbe(client, base), nothing
	case Etcd:
		return etcdProbe(client, base), nothing
	case Redis:
		return redisProbe(n, o)
	case Sentinel:
		return sentinelProbe(n, o)
	case Server: // not /livez: one that drains is alive, and takes no readers
		return pageProbe(client, base+"/readyz", "takes no readers"), nothing
	case Recommendations:
		return pageProbe(client, base+"/healthz", "is not well"), nothing
	case Edge: // whatever it says of the servers behind it, it is there
		return pageProbe(client, base+"/edge/health", ""), nothing
	}
	return pageProbe(client, base+"/livez", "says that it can serve nobody"), nothing
}

// pageProbe gets a health page. Any answer means that the node is up, but a
// 5xx is taken at its word, unless there are no words for it.
func pageProbe(client *http.Client, page, trouble string) probe {
	return func(ctx context.Context) sight {
		status, _, err := ask(ctx, client, http.MethodGet, page, nil)
		switch {
		case err != nil:
			return down(err)
		case status >= http.StatusInternalServerError && trouble != "":
			return sight{state: Ailing, saw: fmt.Sprintf("%s (%d)", trouble, status)}
		}
		return sight{state: Up}
	}
}

// ask makes one request and reads the answer.
func ask(ctx context.Context, client *http.Client, method, at string, body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return response.StatusCode, answer, err
}

// askJSON makes one request whose answer is JSON, whatever its status.
func askJSON(ctx context.Context, client *http.Client, method, at string, body []byte, into any) error {
	status, answer, err := ask(ctx, client, method, at, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%w with status %d", errOdd, status)
	}
	return nil
}

// errOdd is the error of a node that answers something else than its kind does.
var errOdd = errors.New("an answer that is not understood")

// down says in words why a node can't be seen. Errors' own texts are long, and
// name addresses that the map shows already.
func down(err error) sight {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errOdd):
		return sight{state: Ailing, saw: err.Error()}
	case errors.Is(err, syscall.ECONNREFUSED):
		return sight{state: Down, saw: "connection refused"}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return sight{state: Down, saw: "no route to it"}
	case errors.As(err, &timeout) && timeout.Timeout():
		return sight{state: Down, saw: "no answer"}
	}
	return sight{state: Down, saw: "connection lost"}
}
