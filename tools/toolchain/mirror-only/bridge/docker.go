package main

import "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/info"

// Docker's part of the tables; resources.go says what they are.

var dockerConfig = fields{"registry_auth": named("registryAuth")}

var dockerResources = map[string]*info.Resource{
	"docker_container": typ("docker:index/container:Container", fields{
		"command":           named("command"),
		"networks_advanced": named("networksAdvanced"),
	}),
	"docker_image":   typ("docker:index/remoteImage:RemoteImage"),
	"docker_network": typ("docker:index/network:Network"),
	"docker_volume":  typ("docker:index/volume:Volume"),
}

var dockerDataSources = map[string]*info.DataSource{
	"docker_network":        function("docker:index/getNetwork:getNetwork"),
	"docker_registry_image": function("docker:index/getRegistryImage:getRegistryImage"),
}
