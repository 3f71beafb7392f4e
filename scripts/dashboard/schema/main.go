// Reads Grafana dashboards by Grafana's own schema: unknown and missing fields, wrong types and values are named.
//
// usage: go run . FILE...
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func check(file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var read dashboard.Dashboard
	if err := complaint(read.UnmarshalJSONStrict(raw)); err != nil {
		return err
	}
	return complaint(read.Validate())
}

// A list of complaints without any is no error, but the schema returns it as one.
func complaint(err error) error {
	var all cog.BuildErrors
	if errors.As(err, &all) && len(all) == 0 {
		return nil
	}
	return err
}

func main() {
	plugins.RegisterDefaultPlugins()
	wrong := 0
	for _, file := range os.Args[1:] {
		if err := check(file); err != nil {
			fmt.Fprintf(os.Stderr, "%s:\n%v\n", file, err)
			wrong = 1
			continue
		}
		fmt.Printf("%s: as Grafana's schema wants it\n", file)
	}
	os.Exit(wrong)
}
