//go:build tools

// Package tools names what is built, for `go mod tidy`.
package tools

import _ "github.com/aws/rolesanywhere-credential-helper/cmd"
