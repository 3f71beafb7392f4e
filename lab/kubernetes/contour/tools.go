//go:build tools

package lab

import _ "github.com/projectcontour/contour/cmd/contour"
