package httpapi

import _ "embed"

// OpenAPI is the contract, kept true by tests.
//
//go:embed openapi.yaml
var OpenAPI []byte
