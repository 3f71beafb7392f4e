//go:build tools

package lab

import _ "helm.sh/helm/v4/cmd/helm"
