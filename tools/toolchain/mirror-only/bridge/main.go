// A provider of Terraform, AWS's or Docker's, served to the Pulumi engine under the tokens and property names of the
// SDKs @pulumi/aws and @pulumi/docker, for machines that cannot download the official plugins. With the argument
// `schema` it prints what it serves.
//
// It is Pulumi's own bridge that translates; this program gives it a provider's binary and the tables. The part of the
// bridge that runs a binary is internal to its dynamic provider, hence the path of this module, which lies inside.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	rprovider "github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	pfbridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
)

// binary names the environment variable with the path of the Terraform provider.
const binary = "DHISTANCE_TERRAFORM_PROVIDER"

func main() {
	if err := serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bridge to a Terraform provider:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context) error {
	path := os.Getenv(binary)
	if path == "" {
		return fmt.Errorf("%s is not set; it holds the path of the Terraform provider", binary)
	}
	terraform, info, err := start(ctx, path)
	if err != nil {
		return fmt.Errorf("%s=%s: %w", binary, path, err)
	}
	defer terraform.Close()
	go endWith(os.Getppid(), terraform)
	if len(os.Args) > 1 && os.Args[1] == "schema" {
		return printSchema(ctx, info)
	}
	return rprovider.Main(info.Name, func(host *rprovider.HostClient) (pulumirpc.ResourceProviderServer, error) {
		return pfbridge.NewProviderServer(ctx, host, info, pfbridge.ProviderMetadata{XGetSchema: schemaOf(info)})
	})
}

// endWith ends this program and the provider when the process that started it is gone: an engine that is killed does
// not end its plugins, and a call under way would be tried again for minutes.
func endWith(parent int, terraform io.Closer) {
	for os.Getppid() == parent {
		time.Sleep(time.Second)
	}
	terraform.Close()
	os.Exit(1)
}
