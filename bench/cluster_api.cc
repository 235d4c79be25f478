#include "bench/cluster_api.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace narthex::bench {
namespace {

constexpr size_t kHeadBytes = 64u << 10;
constexpr size_t kPieceBytes = 256u << 10;
constexpr int kBookmarkMs = 30'000;

struct KindRow {
  std::string_view path, api_version, name;
};
// By Kind.
constexpr std::array<KindRow, kKinds> kRows = {{
    {"/apis/networking.k8s.io/v1/ingresses", "networking.k8s.io/v1", "Ingress"},
    {"/apis/networking.k8s.io/v1/ingressclasses", "networking.k8s.io/v1", "IngressClass"},
    {"/api/v1/services", "v1", "Service"},
    {"/apis/discovery.k8s.io/v1/endpointslices", "discovery.k8s.io/v1", "EndpointSlice"},
    {"/api/v1/secrets", "v1", "Secret"},
}};
const KindRow& row_of(Kind kind) { return kRows[static_cast<size_t>(kind)]; }

std::optional<Kind> kind_of(const std::string& path) {
  for (size_t i = 0; i < kKinds; ++i)
    if (kRows[i].path == path) return static_cast<Kind>(i);
  return std::nullopt;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::string chunk(std::string_view bytes) { return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes); }

std::string event_line(std::string_view type, std::string_view object) {
  return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object);
}

std::string bookmark(const KindRow& row, uint64_t version, bool ends_list) {
  return event_line(
      "BOOKMARK",
      fmt::format(R"({{"kind":"{}","apiVersion":"{}","metadata":{{"resourceVersion":"{}"{}}}}})", row.name,
                  row.api_version, version, ends_list ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : ""));
}

std::string status(int code, std::string_view reason) {
  const std::string body =
      fmt::format(R"({{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{}","reason":"{}","code":{}}})",
                  reason, reason, code);
  return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", code, reason,
                     body.size(), body);
}

std::string value(const std::map<std::string, std::string>& query, const char* name) {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

uint64_t number(const std::map<std::string, std::string>& query, const char* name) {
  return std::strtoull(value(query, name).c_str(), nullptr, 10);
}

// Without decoding: what the bench asks of queries are numbers and plain words.
std::map<std::string, std::string> parse_query(std::string_view text) {
  std::map<std::string, std::string> query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    const size_t equals = std::min(pair.find('='), pair.size());
    query.emplace(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
  }
  return query;
}

// Of a request without a body, which is all that a reader sends.
std::optional<std::string> read_head(int fd, std::string& rest) {
  std::array<char, 4096> piece{};
  for (;;) {
    const size_t end = rest.find("\r\n\r\n");
    if (end != std::string::npos) {
      std::string head = rest.substr(0, end);
      rest.erase(0, end + 4);
      return head;
    }
    const ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
    if (got <= 0 || rest.size() > kHeadBytes) return std::nullopt;
    rest.append(piece.data(), static_cast<size_t>(got));
  }
}

}  // namespace

ClusterApi::ClusterApi(Cluster& cluster, bool streaming) : cluster_(cluster), streaming_(streaming) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, kConnections) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    std::abort();
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this] { accept_loop(); });
}

ClusterApi::~ClusterApi() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  {
    const std::lock_guard hold(book_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  acceptor_.join();
  threads_.clear();
  ::close(listener_);
}

std::chrono::steady_clock::time_point ClusterApi::emit(Kind kind, bool is_new, const std::function<size_t()>& change) {
  const std::lock_guard hold(lock_);
  std::string line = event_line(is_new ? "ADDED" : "MODIFIED", cluster_.render(kind, change()));
  const std::string bytes = chunk(line);
  auto& events = events_[static_cast<size_t>(kind)];
  events.push_back({cluster_.version(), std::move(line)});
  if (events.size() > kEvents) {
    forgotten_[static_cast<size_t>(kind)] = events.front().version;
    events.pop_front();
  }
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard hold_book(book_);
  for (const int fd : watchers_[static_cast<size_t>(kind)]) send_all(fd, bytes);
  return now;
}

void ClusterApi::accept_loop() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::lock_guard hold(book_);
    if (stopping_ || open_.size() >= kConnections) {
      ::close(fd);
      continue;
    }
    open_.insert(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void ClusterApi::serve(int fd) {
  std::string rest;
  while (const auto head = read_head(fd, rest)) {
    const size_t begin = std::min(head->find(' ') + 1, head->size());
    const std::string target = head->substr(begin, head->find(' ', begin) - begin);
    const size_t mark = std::min(target.find('?'), target.size());
    const Request request{target.substr(0, mark),
                          parse_query(std::string_view(target).substr(std::min(mark + 1, target.size())))};
    if (!head->starts_with("GET ") || !answer(fd, request)) break;
  }
  const std::lock_guard hold(book_);
  open_.erase(fd);
  ::close(fd);
}

// False: the connection ends here.
bool ClusterApi::answer(int fd, const Request& request) {
  const auto kind = kind_of(request.path);
  if (!kind) return send_all(fd, status(404, "NotFound"));
  if (!request.query.contains("watch")) return answer_list(fd, *kind, request);
  if (request.query.contains("sendInitialEvents") && !streaming_) return send_all(fd, status(422, "Invalid"));
  watch(fd, *kind, request);
  return false;
}

bool ClusterApi::answer_list(int fd, Kind kind, const Request& request) {
  std::string body;
  {
    const std::shared_lock hold(lock_);
    const size_t all = cluster_.count(kind), from = number(request.query, "continue");
    const size_t limit = number(request.query, "limit");
    const size_t to = limit == 0 ? all : std::min(all, from + limit);
    const KindRow& row = row_of(kind);
    body = fmt::format(R"({{"kind":"{}List","apiVersion":"{}","metadata":{{"resourceVersion":"{}")", row.name,
                       row.api_version, cluster_.version());
    if (to < all) body += fmt::format(R"(,"continue":"{}","remainingItemCount":{})", to, all - to);
    body += R"(},"items":[)";
    for (size_t i = from; i < to; ++i) {
      if (i != from) body += ',';
      body += cluster_.render(kind, i);
    }
    body += "]}\n";
  }
  return send_all(fd, fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                                  body.size())) &&
         send_all(fd, body);
}

void ClusterApi::watch(int fd, Kind kind, const Request& request) {
  auto& watchers = watchers_[static_cast<size_t>(kind)];
  if (begin_watch(fd, kind, request)) {
    pollfd readable{fd, POLLIN, 0};
    while (::poll(&readable, 1, kBookmarkMs) == 0) {
      const std::shared_lock hold(lock_);
      if (!send_all(fd, chunk(bookmark(row_of(kind), cluster_.version(), false)))) break;
    }
  }
  const std::lock_guard hold(book_);
  watchers.erase(fd);
}

// Under the lock to the end, so that no event comes between the list and the watch.
bool ClusterApi::begin_watch(int fd, Kind kind, const Request& request) {
  const std::shared_lock hold(lock_);
  if (!send_all(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"))
    return false;
  if (request.query.contains("sendInitialEvents")) {
    if (!send_all_objects(fd, kind)) return false;
  } else if (!send_missed(fd, kind, number(request.query, "resourceVersion"))) {
    return false;
  }
  const std::lock_guard hold_book(book_);
  watchers_[static_cast<size_t>(kind)].insert(fd);
  return true;
}

std::vector<std::string> ClusterApi::stream_of(Kind kind) const {
  std::vector<std::string> pieces;
  std::string piece;
  for (size_t i = 0, all = cluster_.count(kind); i < all; ++i) {
    piece += event_line("ADDED", cluster_.render(kind, i));
    if (piece.size() < kPieceBytes) continue;
    pieces.push_back(chunk(piece));
    piece.clear();
  }
  piece += bookmark(row_of(kind), cluster_.version(), true);
  pieces.push_back(chunk(piece));
  return pieces;
}

void ClusterApi::render_ahead() {
  for (size_t kind = 0; kind < kKinds; ++kind) streams_[kind] = stream_of(static_cast<Kind>(kind));
  rendered_version_ = cluster_.version();
}

bool ClusterApi::send_all_objects(int fd, Kind kind) {
  const bool ahead = rendered_version_ == cluster_.version();
  const std::vector<std::string> now = ahead ? std::vector<std::string>() : stream_of(kind);
  const std::vector<std::string>& pieces = ahead ? streams_[static_cast<size_t>(kind)] : now;
  return std::all_of(pieces.begin(), pieces.end(), [&](const std::string& piece) { return send_all(fd, piece); });
}

bool ClusterApi::send_missed(int fd, Kind kind, uint64_t from) {
  if (from < forgotten_[static_cast<size_t>(kind)]) {
    send_all(fd, chunk(event_line("ERROR", R"({"kind":"Status","code":410,"reason":"Expired"})")) + "0\r\n\r\n");
    return false;
  }
  for (const Event& event : events_[static_cast<size_t>(kind)])
    if (event.version > from && !send_all(fd, chunk(event.line))) return false;
  return true;
}

}  // namespace narthex::bench
