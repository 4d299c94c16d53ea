package httpapi

import _ "embed"

// OpenAPI is the API description in YAML. Tests compare it with the server.
//
//go:embed openapi.yaml
var OpenAPI []byte
