// `narthex check`: reads manifests, or a live cluster (--kubeconfig, --apiserver-host), once and prints what is wrong with them and what would be served. THREAD: control.
#pragma once

#include <iosfwd>

#include "base/clock.h"
#include "config/flags.h"

namespace narthex::controller {

// Findings, one per line; the route table (routes_text.h); a closing line with the numbers. Returns the exit status: 1
// where any finding is refused or a path cannot be read (told on `err`), else 0.
int check_command(const config::Flags& flags, const base::Clock& clock, std::ostream& out, std::ostream& err);

}  // namespace narthex::controller
