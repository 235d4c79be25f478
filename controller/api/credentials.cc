#include "controller/api/credentials.h"

#include "base/log.h"
#include "base/text.h"
#include "config/names.h"
#include "controller/api/small_file.h"

namespace narthex::controller {
namespace {

base::Result<std::string> text_or_file(const std::string& text, const std::string& file) {
  if (!text.empty() || file.empty()) return {boost::system::in_place_value, text};
  return read_small_file(file);
}

// As the value of a field; a line end would begin another field.
base::Result<std::string> bearer(std::string_view token) {
  token = base::trim(token);
  if (token.empty()) return {boost::system::in_place_value, ""};
  if (config::has_control_byte(token)) return base::Error("the token has control characters in it");
  return {boost::system::in_place_value, "Bearer " + std::string(token)};
}

}  // namespace

Credentials::Credentials(boost::asio::io_context& loop, ApiAccess access, const base::Clock& clock)
    : loop_(loop), access_(std::move(access)), clock_(clock) {}

bool Credentials::fresh() const {
  if (!known_ || clock_.steady_now() - read_at_ >= kReadAgain) return false;
  return !expires_ || *expires_ - clock_.wall_now() > kBeforeExpiry;
}

void Credentials::take(Taker taker) {
  if (fresh()) return taker(identity_);
  const bool plugin_is_due =
      access_.user.exec && (!known_ || (expires_ && *expires_ - clock_.wall_now() <= kBeforeExpiry));
  if (plugin_is_due) {
    waiting_.push_back(std::move(taker));
    return run_plugin();
  }
  auto read_now = read();
  if (!read_now && !known_) return taker(read_now.error());
  // While a file is being replaced, what was read before may well still do.
  if (!read_now) base::log::warn("{}; using what was read before", read_now.error().message());
  if (read_now && access_.user.exec) {
    identity_.authorities_pem = read_now->authorities_pem;
  } else if (read_now) {
    identity_ = std::move(*read_now);
  }
  known_ = true;
  read_at_ = clock_.steady_now();
  taker(identity_);
}

void Credentials::stop() {
  waiting_.clear();
  run_.reset();
}

void Credentials::reject() { known_ = false; }

base::Result<Identity> Credentials::read() const {
  const ApiUser& user = access_.user;
  Identity identity;
  const auto token = text_or_file(user.token, user.token_file);
  if (!token) return token.error();
  const auto authorization = bearer(*token);
  if (!authorization) return authorization.error();
  identity.authorization = *authorization;
  const auto authorities = text_or_file(access_.authorities_pem, access_.authorities_file);
  const auto certificate = text_or_file(user.certificate_pem, user.certificate_file);
  const auto key = text_or_file(user.key_pem, user.key_file);
  for (const auto* file : {&authorities, &certificate, &key})
    if (!*file) return file->error();
  identity.authorities_pem = *authorities;
  identity.certificate_pem = *certificate;
  identity.key_pem = *key;
  return identity;
}

void Credentials::run_plugin() {
  if (run_) return;
  run_ = std::make_unique<ExecRun>(loop_, *access_.user.exec, access_,
                                   [this](const base::Result<ExecAnswer>& answer) { plugin_answered(answer); });
}

void Credentials::plugin_answered(const base::Result<ExecAnswer>& answer) {
  const std::unique_ptr<ExecRun> ended = std::move(run_);
  base::Result<Identity> result = answer ? read() : base::Result<Identity>(answer.error());
  if (answer && result) {
    const auto authorization = bearer(answer->token);
    if (!authorization) result = authorization.error();
    if (authorization && !authorization->empty()) result->authorization = *authorization;
    if (authorization && !answer->certificate_pem.empty()) {
      result->certificate_pem = answer->certificate_pem;
      result->key_pem = answer->key_pem;
    }
  }
  if (result) {
    identity_ = *result;
    expires_ = answer->expires;
    known_ = true;
    read_at_ = clock_.steady_now();
  }
  for (Taker& taker : std::exchange(waiting_, {})) taker(result);
}

}  // namespace narthex::controller
