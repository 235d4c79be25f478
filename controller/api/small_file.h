// Reading a whole small file: kubeconfigs, tokens, certificates. Blocks for as long as the disk takes. Any thread.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace narthex::controller {

inline constexpr size_t kSmallFileBytesMax = 1u << 20;

// Errors: "PATH: why"; larger than kSmallFileBytesMax is one.
base::Result<std::string> read_small_file(const std::string& path);

}  // namespace narthex::controller
