// The decoders of the single kinds, for decode.cc. Each gets the root of the document (a map) and the metadata that was
// read from it, and answers the object, or nothing when too little of it is left to be of use; the reason is a finding
// then.
#pragma once

#include <optional>

#include "config/objects.h"
#include "config/reader.h"

namespace narthex::config {

// metadata of any kind; fills the context's object. Nothing: no usable name or namespace.
std::optional<Meta> decode_meta(const Node& root, bool cluster_wide, const std::string& default_namespace);

std::optional<Object> decode_ingress_v1(const Node& root, Meta meta);
// networking.k8s.io/v1beta1 and extensions/v1beta1.
std::optional<Object> decode_ingress_beta(const Node& root, Meta meta);
std::optional<Object> decode_ingress_class(const Node& root, Meta meta);
std::optional<Object> decode_service(const Node& root, Meta meta);
std::optional<Object> decode_endpoint_slice(const Node& root, Meta meta);
std::optional<Object> decode_endpoints(const Node& root, Meta meta);
std::optional<Object> decode_secret(const Node& root, Meta meta);
std::optional<Object> decode_config_map(const Node& root, Meta meta);

// Shared by several kinds.
// 1..65535; absent: 0 and true. A wrong type or another number: false, and a finding.
bool read_port_number(const Node& node, uint16_t& into);
// TCP, UDP or SCTP; absent: TCP.
bool read_protocol(const Node& node, std::string& into);

}  // namespace narthex::config
