#include "controller/api/api_call.h"

#include <fmt/format.h>

#include "base/text.h"
#include "config/decode_api.h"

namespace narthex::controller {

std::string why_not(const ApiAnswer& answer) {
  if (!answer.trouble.empty()) return answer.trouble;
  const std::string message = config::decode_api_status(answer.body).message;
  if (message.empty()) return fmt::format("the answer is {}", answer.status);
  return fmt::format("the answer is {}: {}", answer.status, base::escape_line(message, false));
}

}  // namespace narthex::controller
