//go:build tools

package lab

import (
	_ "github.com/opencontainers/runc"
)
