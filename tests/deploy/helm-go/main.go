// Lints the chart with Helm's own rules, renders it, decodes every manifest strictly as the type it names, and prints
// the manifests. A field that Kubernetes does not know is an error.
//
//	render CHART RELEASE [VALUES.yaml]
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folder string, release string, files []string) error {
	values := map[string]any{}
	for _, file := range files {
		read, err := chartutil.ReadValuesFile(file)
		if err != nil {
			return err
		}
		values = chartutil.CoalesceTables(read.AsMap(), values)
	}
	linter := lint.All(folder, values, "default", true)
	for _, message := range linter.Messages {
		// A missing icon is the only remark that Helm makes below a warning.
		if message.Severity >= support.WarningSev {
			return fmt.Errorf("lint: %s", message.Error())
		}
	}
	chart, err := loader.Load(folder)
	if err != nil {
		return err
	}
	options := chartutil.ReleaseOptions{Name: release, Namespace: "default", Revision: 1, IsInstall: true}
	render, err := chartutil.ToRenderValues(chart, values, options, nil)
	if err != nil {
		return err
	}
	rendered, err := engine.Render(chart, render)
	if err != nil {
		return err
	}
	return printChecked(rendered)
}

func printChecked(rendered map[string]string) error {
	if err := monitoring.AddToScheme(scheme.Scheme); err != nil {
		return err
	}
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	names := make([]string, 0, len(rendered))
	for name := range rendered {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		for _, document := range strings.Split(rendered[name], "\n---\n") {
			if strings.TrimSpace(document) == "" {
				continue
			}
			if _, _, err := decoder.Decode([]byte(document), nil, nil); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Printf("---\n%s\n", strings.TrimSpace(document))
		}
	}
	return nil
}
