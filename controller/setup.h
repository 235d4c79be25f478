// From flags to the parts of the control plane that `serve` and `check` have in common. Used at start. THREAD: control.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "config/flags.h"
#include "controller/api/api_source.h"
#include "controller/compiler.h"
#include "controller/source.h"

namespace narthex::controller {

// Does the command read an API server, not manifests?
bool reads_cluster(const config::Flags& flags);
ApiSourceOptions api_source_options(const config::Flags& flags);

// Makes the self-signed default certificate on the way. Errors: OpenSSL cannot.
// The part of it that guards addresses. Of the own ports only those that the flags fix. Errors: a range that is none.
base::Result<BackendRules> backend_rules(const config::Flags& flags);
base::Result<CompilerOptions> compiler_options(const config::Flags& flags, base::WallTime now);

// Hands a batch to the compiler; compile() is the caller's.
void apply(SourceBatch batch, Compiler& compiler);

// Costs a walk over all hosts: for closing and opening lines, not for every change.
size_t route_count(const router::Snapshot& snapshot);
size_t object_count(const std::vector<ObjectCount>& objects);

}  // namespace narthex::controller
