//go:build tools

// Package tools holds on to the engine for `go mod tidy`; it is built straight from its module.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
