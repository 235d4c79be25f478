#include "proxy/filters/affinity.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <iterator>

#include "base/hash.h"
#include "base/text.h"
#include "proxy/filters/cookies.h"
#include "router/regex.h"

namespace narthex::proxy::filters {
namespace {

constexpr size_t kCookieValueBytesMax = 256;  // ours has 65

// Seeds that keep the hashes of one purpose apart from those of another. Part of the cookie's format: never change them.
constexpr uint64_t kTagSeed = 1, kEndpointSeed = 2;

std::string hex_128(uint64_t high, uint64_t low) { return fmt::format("{:016x}{:016x}", high, low); }

std::string tag_of(const router::Backend& backend) {
  return hex_128(backend.identity, base::mix(backend.identity, kTagSeed));
}

uint64_t endpoint_key(const router::Backend& backend, const router::Endpoint& endpoint) {
  return base::mix(base::mix(backend.identity, kEndpointSeed), endpoint.id);
}

std::string cookie_of_endpoint(const router::Backend& backend, size_t endpoint) {
  const uint64_t key = endpoint_key(backend, backend.endpoints[endpoint]);
  return hex_128(key, base::mix(key, kTagSeed)) + "|" + tag_of(backend);
}

std::optional<uint64_t> parse_hex_64(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != 16 || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<uint64_t> parse_endpoint_key(std::string_view text) {
  return text.size() == 32 ? parse_hex_64(text.substr(0, 16)) : std::nullopt;
}

// The first cookie of that name with a value that can be one of ours.
std::optional<std::string_view> find_cookie(const RequestHead& request, std::string_view name) {
  std::optional<std::string_view> found;
  each_cookie(request, [&](std::string_view candidate, std::string_view value) {
    if (candidate == name && !value.empty() && value.size() <= kCookieValueBytesMax) found = value;
    return found.has_value();
  });
  return found;
}

std::string_view key_part(std::string_view cookie) { return cookie.substr(0, cookie.find('|')); }

AffinityChoice choose_balanced(const router::Backend& backend, std::optional<std::string_view> cookie, const Unwanted& unwanted,
                               Random& random) {
  if (cookie) return {rendezvous(backend, base::hash(key_part(*cookie))), {}};
  std::string key;
  const size_t endpoint = draw_wanted(unwanted, [&] {
    key = hex_128(random.next(), random.next());
    return rendezvous(backend, base::hash(key));
  });
  return {endpoint, key + "|" + tag_of(backend)};
}

AffinityChoice choose_persistent(const router::Backend& backend, std::optional<std::string_view> cookie, const Unwanted& unwanted,
                                 Random& random) {
  const std::optional<uint64_t> key = cookie ? parse_endpoint_key(key_part(*cookie)) : std::nullopt;
  for (size_t i = 0; key && i < backend.endpoints.size(); ++i)
    if (endpoint_key(backend, backend.endpoints[i]) == *key) return {i, {}};
  const size_t endpoint = draw_wanted(unwanted, [&] { return random.below(backend.endpoints.size()); });
  return {endpoint, cookie_of_endpoint(backend, endpoint)};
}

// Clients that read SameSite=None as Strict (ingress-nginx's list for session-cookie-conditional-samesite-none).
bool mistakes_same_site_none(std::string_view agent) {
  const auto has = [&](std::string_view part) { return agent.find(part) != std::string_view::npos; };
  if (has("Chrome/4") || has("Chrome/5") || has("Chrome/6")) return true;
  if (has("CPU iPhone OS 12") || has("iPad; CPU OS 12")) return true;
  return has("Mac OS X 10_14") && has("Safari") && !has("Chrome");
}

}  // namespace

bool is_session_of(const router::Backend& backend, const router::CookieAffinityPolicy& policy, const RequestHead& request) {
  const std::optional<std::string_view> cookie = find_cookie(request, policy.name);
  const size_t bar = cookie ? cookie->find('|') : std::string_view::npos;
  if (bar == std::string_view::npos || cookie->size() - bar != 33) return false;
  return parse_hex_64(cookie->substr(bar + 1, 16)) == backend.identity &&
         parse_hex_64(cookie->substr(bar + 17)) == base::mix(backend.identity, kTagSeed);
}

AffinityChoice choose_by_cookie(const router::CookieAffinityPolicy& policy, const RequestHead& request, const Unwanted& unwanted,
                                Random& random, bool begins) {
  // Without change-on-failure every attempt of a session goes to the same endpoint, as in ingress-nginx.
  const bool changes = begins || (policy.change_on_failure && !unwanted.tried.empty());
  const std::optional<std::string_view> cookie = changes ? std::nullopt : find_cookie(request, policy.name);
  return policy.persistent ? choose_persistent(unwanted.backend, cookie, unwanted, random)
                           : choose_balanced(unwanted.backend, cookie, unwanted, random);
}

size_t choose_by_client(std::string_view client_ip, const Unwanted& unwanted) {
  uint64_t key = base::hash(client_ip);
  uint64_t draws = 0;
  return draw_wanted(unwanted, [&] { return rendezvous(unwanted.backend, draws++ == 0 ? key : key = base::mix(key, draws)); });
}

std::string_view cookie_path_of_pattern(std::string_view pattern) {
  std::string_view path = router::literal_prefix(pattern);
  const std::string_view rest = pattern.substr(path.size());
  const bool ends_element = rest.empty() || rest.starts_with("$") || rest.starts_with("(/") || rest.starts_with("(?:/");
  if (!ends_element) path = path.substr(0, path.rfind('/') + 1);
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);  // RFC 6265 5.1.4: "/a" takes in all below it, "/a/" not "/a"
  return path.empty() ? "/" : path;
}

std::string set_cookie_value(const router::CookieAffinityPolicy& policy, std::string_view value, std::string_view route_path, bool tls,
                             std::string_view user_agent, base::WallTime now) {
  std::string text = fmt::format("{}={}", policy.name, value);
  const auto put = std::back_inserter(text);
  if (policy.expires) {
    const std::time_t at = std::chrono::system_clock::to_time_t(now + *policy.expires);
    fmt::format_to(put, "; Expires={:%a, %d-%b-%y %H:%M:%S} GMT", fmt::gmtime(at));
  }
  if (policy.max_age) fmt::format_to(put, "; Max-Age={}", policy.max_age->count());
  if (!policy.domain.empty()) fmt::format_to(put, "; Domain={}", policy.domain);
  fmt::format_to(put, "; Path={}", policy.path.empty() ? route_path : std::string_view(policy.path));
  if (tls || policy.secure) text += "; Secure";
  text += "; HttpOnly";
  const bool leave_out = policy.same_site == "None" && policy.conditional_same_site_none && mistakes_same_site_none(user_agent);
  if (!policy.same_site.empty() && !leave_out) fmt::format_to(put, "; SameSite={}", policy.same_site);
  return text;
}

}  // namespace narthex::proxy::filters
