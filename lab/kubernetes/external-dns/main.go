// What ExternalDNS would write for the Services of the cluster that kubectl knows, by its own source, plan and provider in
// memory: its command brings the clients of thirty clouds along.
package main

import (
	"context"
	"fmt"
	"log"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider/inmemory"
	"sigs.k8s.io/external-dns/source"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	services, err := source.NewServiceSource(ctx, client, &source.Config{LabelFilter: labels.Everything()})
	if err != nil {
		return err
	}
	desired, err := services.Endpoints(ctx)
	if err != nil {
		return err
	}
	zone := inmemory.NewInMemoryProvider(inmemory.InMemoryInitZones([]string{"example.com"}))
	current, err := zone.Records(ctx)
	if err != nil {
		return err
	}
	changes := (&plan.Plan{
		Policies:       []plan.Policy{&plan.SyncPolicy{}},
		Current:        current,
		Desired:        desired,
		ManagedRecords: []string{endpoint.RecordTypeA, endpoint.RecordTypeAAAA, endpoint.RecordTypeCNAME},
	}).Calculate().Changes
	for _, record := range changes.Create {
		fmt.Println("CREATE", record.DNSName, record.RecordType, record.Targets)
	}
	return zone.ApplyChanges(ctx, changes)
}
