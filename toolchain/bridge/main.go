// The AWS provider of Terraform, served to the Pulumi engine under the tokens and property names of the SDK
// @pulumi/aws, for machines that cannot download the official plugin. `pulumi-resource-aws schema` prints what it
// serves.
//
// It is Pulumi's own bridge that translates; this program gives it a provider's binary and the tables. The part of the
// bridge that runs a binary is internal to its dynamic provider, hence the path of this module, which lies inside.
package main

import (
	"context"
	"fmt"
	"os"

	rprovider "github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	pfbridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
)

// binary names the environment variable with the path of the Terraform provider.
const binary = "DHISTANCE_TERRAFORM_PROVIDER_AWS"

func main() {
	if err := serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-aws (bridge):", err)
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
	if len(os.Args) > 1 && os.Args[1] == "schema" {
		return printSchema(ctx, info)
	}
	return rprovider.Main("aws", func(host *rprovider.HostClient) (pulumirpc.ResourceProviderServer, error) {
		return pfbridge.NewProviderServer(ctx, host, info, pfbridge.ProviderMetadata{XGetSchema: schemaOf(info)})
	})
}
