//go:build tools

// Keeps the provider among this module's requirements.
package tools

import _ "github.com/terraform-providers/terraform-provider-docker"
