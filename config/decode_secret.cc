// Secret and ConfigMap. No finding ever holds a value of a Secret.
#include "base/text.h"
#include "config/decode_kinds.h"

namespace narthex::config {

std::optional<Object> decode_secret(const Node& root, Meta meta) {
  Secret secret;
  secret.meta = std::move(meta);
  root.member("type").read(secret.type);
  const Node data = root.member("data"), plain = root.member("stringData");
  for (const auto& member : data.members()) {
    const Node value = data.entry(member);
    std::string text;
    if (!value.read(text)) continue;
    if (auto bytes = base::decode_base64(text)) {
      secret.data[member.first] = std::move(*bytes);
    } else {
      value.refuse("InvalidBase64",
                   "is not base64; encode it (base64 -w0 FILE), or put the plain text under stringData");
    }
  }
  for (const auto& member : plain.members()) {
    std::string text;
    if (plain.entry(member).read(text)) secret.data[member.first] = std::move(text);
  }
  return secret;
}

std::optional<Object> decode_config_map(const Node& root, Meta meta) {
  ConfigMap map;
  map.meta = std::move(meta);
  const Node data = root.member("data");
  for (const auto& member : data.members()) {
    std::string text;
    if (data.entry(member).read(text)) map.data[member.first] = std::move(text);
  }
  return map;
}

}  // namespace narthex::config
