// What a plain (unquoted) YAML scalar stands for, as Kubernetes' reader (sigs.k8s.io/yaml on go-yaml v2) sees it:
// booleans of YAML 1.1, integers with bases and underscores, floats; everything else is a string. Pure; any thread.
#pragma once

#include <string_view>

#include "config/tree.h"

namespace narthex::config {

Tree resolve_plain(std::string_view text, uint32_t line);

// A plain key as the text that it becomes in JSON: `on:` is the key "true", `0x50:` the key "80".
std::string key_text(const Tree& plain);

}  // namespace narthex::config
