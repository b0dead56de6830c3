# Where the edge stands in the fleet: what it asks, and who may tell it that something has changed. What it does with
# that is in edge.vcl; the tests (*.vtc) put other addresses before it.
vcl 4.1;

# The balancer answers the probe itself (monitor-uri in balancer.cfg), so a server that hangs is not mistaken for it; it
# says no if no server is left. Two of three probes must have failed, so a dead balancer is out after half a second;
# until then each request that meets it is asked again at the other one.
probe balancer {
    .url = "/balancer/livez";
    .interval = 250ms;
    .timeout = 200ms;
    .window = 3;
    .threshold = 2;
    .initial = 2;
}

backend balancer1 {
    .host = "10.88.0.21";
    .port = "8080";
    .probe = balancer;
    .connect_timeout = 300ms;      # a connect takes 0.1 ms here; a machine that is gone answers nothing at all
    .first_byte_timeout = 1200ms;  # a server may hang for the balancer's 1 s, and 200 ms are for the next; a front waits 1.4 s
    .between_bytes_timeout = 1s;   # whole pages come at once
}

backend balancer2 {
    .host = "10.88.0.22";
    .port = "8080";
    .probe = balancer;
    .connect_timeout = 300ms;
    .first_byte_timeout = 1200ms;
    .between_bytes_timeout = 1s;
}

# The servers, which purge. A purge that comes through a front is a reader's.
acl servers {
    "10.88.0.31";
    "10.88.0.32";
    "10.88.0.33";
}

# Pages name themselves by their whole address. Whichever name of the site a reader has used, they get the one copy, and
# a purge of the page finds it.
sub name_site {
    set req.http.Host = "127.0.0.1:8080";
    set req.http.X-Forwarded-Proto = "http";
}

include "./edge.vcl";
