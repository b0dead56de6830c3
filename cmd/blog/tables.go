package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"afloat/internal/policy"
)

// tableOf is the table of policies that the flags ask for.
func tableOf(policies, protections string) (policy.Table, error) {
	if protections != "" && policies != "custom" {
		return policy.Table{}, errors.New("-protections is for -policies custom")
	}
	switch policies {
	case "afloat":
		return policy.Afloat(), nil
	case "naive":
		return policy.Naive(), nil
	case "custom":
		on, err := policy.ParseProtections(protections)
		if err != nil {
			return policy.Table{}, fmt.Errorf("-protections: %w", err)
		}
		return policy.Custom(on...)
	}
	return policy.Table{}, fmt.Errorf("-policies is %q; it can be afloat, naive or custom", policies)
}

// names lists the protections, for whoever has to choose.
func names(protections []policy.Info) string {
	var list []string
	for _, p := range protections {
		list = append(list, string(p.Protection))
	}
	return strings.Join(list, ", ")
}

// snapshotDir is where a twin keeps its snapshot, if its table has one: the
// blog's own is the blog's, and that of a twin need not outlive it.
func snapshotDir(table policy.Table) (dir string, remove func(), err error) {
	if !table.Fallback {
		return "", func() {}, nil
	}
	dir, err = os.MkdirTemp("", "afloat-twin-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}
