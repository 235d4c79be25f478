#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace narthex::base {

void die(std::string_view what, std::source_location where) {
  std::fprintf(stderr, "narthex: broken invariant at %s:%u: %.*s\n", where.file_name(), where.line(), static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace narthex::base
