// Result<T>: a value or a reason why there is none. The one error channel of the project: no exceptions cross a folder.
// A value type; any thread. Error carries one sentence fit for a user: what went wrong, with what, and what to do.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <utility>

namespace narthex::base {

class Error {
 public:
  Error() = default;  // what result::error() gives where there is none
  explicit Error(std::string message) : message_(std::move(message)) {}
  const std::string& message() const { return message_; }
  // The same error seen from one level further out: "context: message".
  Error within(const std::string& context) const { return Error(context + ": " + message_); }

 private:
  std::string message_;
};

// Called by result::value() on an error: that is a bug of ours, so it ends the program (design 5, "we are wrong").
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

template <typename T>
using Result = boost::system::result<T, Error>;

}  // namespace narthex::base
