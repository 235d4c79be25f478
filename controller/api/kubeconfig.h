// A kubeconfig (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/): its current context as plain values.
// Read once at start. THREAD: control. LIMIT: 1 MiB.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "controller/api/api_access.h"

namespace narthex::controller {

// `folder` is what relative paths in it are relative to. Errors: one line with the field and what to do; what cannot be
// carried out (proxy-url, auth-provider, user names with passwords, impersonation) is refused, never left out.
base::Result<ApiAccess> parse_kubeconfig(std::string_view text, const std::string& folder);
// Errors name the file.
base::Result<ApiAccess> read_kubeconfig(const std::string& path);

}  // namespace narthex::controller
