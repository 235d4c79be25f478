// The real binary on a folder of manifests, with free ports, as the feature tests drive it.
// Owned by the test. THREAD: the test's; the port numbers may be read from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "test/support/client.h"
#include "test/support/manifests.h"
#include "test/support/process.h"

namespace narthex::test {

struct NarthexOptions {
  int workers = 2;
  std::vector<std::string> more = {};  // further arguments
  uint16_t http_port = 0, https_port = 0, admin_port = 0;
  std::string api_server = {};  // its URL: `controller` instead of `serve`, and the folder is not read
  std::string bind_address = "127.0.0.1";  // empty: the flag is left out
};

class Narthex final {
 public:
  // Starts `binary` and waits for its line "ready:". Throws std::runtime_error with its log where that does not come.
  Narthex(const std::string& binary, const ManifestFolder& folder, const NarthexOptions& options = {});
  Narthex(const Narthex&) = delete;
  Narthex& operator=(const Narthex&) = delete;
  // A test that fails shows what the binary said.
  ~Narthex();

  uint16_t http_port() const { return http_port_; }
  uint16_t https_port() const { return https_port_; }
  uint16_t admin_port() const { return admin_port_; }
  Process& process() { return process_; }
  std::string log() const { return process_.standard_error(); }

  Response admin(const std::string& path) const;
  std::string routes() const { return admin("/routes").body; }
  std::string findings() const { return admin("/findings").body; }
  // The value of a metric without labels or with exactly these ("{code=\"200\"}"); nothing where it is absent.
  std::optional<double> metric(const std::string& name_and_labels) const;
  uint64_t generation() const;
  // True once every worker has adopted that generation or a later one.
  bool wait_generation(uint64_t generation) const;
  // The most memory it ever had resident.
  size_t peak_resident_bytes() const;
  // SIGTERM, and the exit status; nothing where it does not end in time.
  std::optional<int> stop();

 private:
  Process process_;
  const std::string admin_source_;
  uint16_t http_port_ = 0, https_port_ = 0, admin_port_ = 0;
};

}  // namespace narthex::test
