package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/spf13/afero"

	"github.com/pulumi/pulumi-terraform-bridge/v3/dynamic/internal/shim/run"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/proto"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/info"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
)

// table says how one of Terraform's providers is served: under which version of the SDK, which is the one that the
// engine asks for, and where types and properties differ from what the bridge infers.
type table struct {
	sdkVersion  string
	config      fields
	resources   map[string]*info.Resource
	dataSources map[string]*info.DataSource
}

// By the provider's name, which is the SDK's too.
var tables = map[string]table{
	"aws":    {"7.48.0", config, resources, dataSources},
	"docker": {"5.2.0", dockerConfig, dockerResources, dockerDataSources},
}

var binaryName = regexp.MustCompile(`^(terraform-provider-(aws|docker))(_v\d+\.\d+\.\d+(_x5)?)?$`)

// start runs the Terraform provider at path and describes it to the bridge by the tables of this program.
func start(ctx context.Context, path string) (run.Provider, info.Provider, error) {
	name := binaryName.FindStringSubmatch(filepath.Base(path))
	if name == nil {
		return nil, info.Provider{}, fmt.Errorf("not the name of a provider's binary, such as terraform-provider-aws_v5.100.0_x5")
	}
	terraform, err := run.LocalProvider(ctx, filepath.Join(filepath.Dir(path), name[1]))
	if err != nil {
		return nil, info.Provider{}, err
	}
	served := tables[name[2]]
	described := info.Provider{
		P:                             proto.New(ctx, terraform),
		Name:                          name[2],
		Version:                       served.sdkVersion,
		Config:                        served.config,
		Resources:                     served.resources,
		DataSources:                   served.dataSources,
		MetadataInfo:                  &info.Metadata{Data: tfbridge.ProviderMetadata(nil)},
		EnableAccuratePFBridgePreview: true,
	}
	return terraform, described, complete(&described)
}

// complete adds to every resource of the table what all have: names of their own, and the refusal of unknown
// properties.
func complete(p *info.Provider) error {
	known := p.P.ResourcesMap()
	for name, typ := range p.Resources {
		shape, ok := known.GetOk(name)
		if !ok {
			return fmt.Errorf("the tables: the Terraform provider has no resource %s", name)
		}
		typ.PreCheckCallback = precheck(string(typ.Tok), shape.Schema(), typ.Fields)
	}
	for name := range p.DataSources {
		if _, ok := p.P.DataSourcesMap().GetOk(name); !ok {
			return fmt.Errorf("the tables: the Terraform provider has no data source %s", name)
		}
	}
	// Where the provider wants a name and the SDK does not, one is made up.
	p.SetAutonaming(255, "-")
	for _, typ := range p.Resources {
		for name, field := range typ.Fields {
			if field.Default != nil && field.Default.AutoNamed {
				unlessPrefixed(name, field.Default)
			}
		}
	}
	// What the tables name overrides this; the rest of the provider is not served.
	for _, all := range []shim.ResourceMap{known, p.P.DataSourcesMap()} {
		all.Range(func(name string, _ shim.Resource) bool {
			p.IgnoreMappings = append(p.IgnoreMappings, name)
			return true
		})
	}
	for name := range p.P.Functions() {
		p.IgnoreMappings = append(p.IgnoreMappings, name)
	}
	return nil
}

// unlessPrefixed leaves the name to the provider when the program gives the beginning of one, as in `namePrefix`.
func unlessPrefixed(name string, naming *info.Default) {
	prefix := resource.PropertyKey(tfbridge.TerraformToPulumiNameV2(name+"_prefix", nil, nil))
	compute := naming.ComputeDefault
	naming.ComputeDefault = func(ctx context.Context, opts info.ComputeDefaultOptions) (any, error) {
		if _, given := opts.Properties[prefix]; given {
			return nil, nil
		}
		return compute(ctx, opts)
	}
}

// packageSchema is the Pulumi schema of what the tables name, as the bridge understands it.
func packageSchema(ctx context.Context, p info.Provider) (schema.PackageSpec, error) {
	g, err := tfgen.NewGenerator(tfgen.GeneratorOptions{
		Package: p.Name, Version: p.Version, Language: tfgen.Schema, ProviderInfo: p,
		Root:          afero.NewMemMapFs(),
		Sink:          diag.DefaultSink(io.Discard, os.Stderr, diag.FormatOptions{Color: colors.Never}),
		XInMemoryDocs: true, SkipExamples: true,
	})
	if err != nil {
		return schema.PackageSpec{}, err
	}
	generated, err := g.Generate(ctx)
	if err != nil {
		return schema.PackageSpec{}, err
	}
	return generated.PackageSpec, nil
}

func printSchema(ctx context.Context, p info.Provider) error {
	spec, err := packageSchema(ctx, p)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(spec)
}

func schemaOf(p info.Provider) func(context.Context, plugin.GetSchemaRequest) ([]byte, error) {
	return func(ctx context.Context, _ plugin.GetSchemaRequest) ([]byte, error) {
		spec, err := packageSchema(ctx, p)
		if err != nil {
			return nil, err
		}
		return json.Marshal(spec)
	}
}
