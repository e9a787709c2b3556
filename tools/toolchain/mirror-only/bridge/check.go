package main

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/info"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
)

// precheck turns documents into JSON text, and refuses properties that the provider does not know: the bridge itself
// would drop them without a word.
func precheck(token string, fields shim.SchemaMap, infos map[string]*info.Schema) info.PreCheckCallback {
	return func(_ context.Context, inputs, _ resource.PropertyMap) (resource.PropertyMap, error) {
		for name, field := range infos {
			key := resource.PropertyKey(tfbridge.TerraformToPulumiNameV2(name, fields, infos))
			value, given := inputs[key]
			if field.Transform == nil || !given {
				continue
			}
			transformed, err := field.Transform(value)
			if err != nil {
				return nil, fmt.Errorf("%s.%s: %w", token, key, err)
			}
			inputs[key] = transformed
		}
		if unknown := unknownProperties(inputs, fields, infos); len(unknown) > 0 {
			return nil, fmt.Errorf("the Terraform provider knows no property %s of %s; if it has another name there, "+
				"that belongs in the tables of tools/toolchain/mirror-only/bridge", strings.Join(unknown, ", "), token)
		}
		return inputs, nil
	}
}

// unknownProperties are the paths in inputs that no field answers to, sorted.
func unknownProperties(inputs resource.PropertyMap, fields shim.SchemaMap, infos map[string]*info.Schema) []string {
	unknown := []string{}
	var walk func(path resource.PropertyPath, value resource.PropertyValue)
	walk = func(path resource.PropertyPath, value resource.PropertyValue) {
		if len(path) > 0 && tfbridge.PropertyPathToSchemaPath(path, fields, infos) == nil {
			unknown = append(unknown, path.String())
			return
		}
		step := func(next any) resource.PropertyPath { return append(append(resource.PropertyPath{}, path...), next) }
		switch {
		case value.IsSecret():
			walk(path, value.SecretValue().Element)
		case value.IsOutput():
			walk(path, value.OutputValue().Element)
		case value.IsArray():
			for i, element := range value.ArrayValue() {
				walk(step(i), element)
			}
		case value.IsObject():
			for key, element := range value.ObjectValue() {
				if !strings.HasPrefix(string(key), "__") {
					walk(step(string(key)), element)
				}
			}
		}
	}
	walk(nil, resource.NewObjectProperty(inputs))
	sort.Strings(unknown)
	return unknown
}
