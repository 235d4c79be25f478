#include "base/result.h"

#include "base/check.h"

namespace narthex::base {

void throw_exception_from_error(const Error& error, const boost::source_location&) { die(error.message()); }

}  // namespace narthex::base
