//go:build tools

package lab

import _ "github.com/google/go-containerregistry/cmd/crane"
