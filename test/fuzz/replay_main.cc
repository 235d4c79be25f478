// Runs a fuzz target over a folder of inputs without a fuzzer: each file whole, and cut off at up to 64 places.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void run(const std::vector<uint8_t>& input, size_t size) {
  // A copy of exactly that size, so that a sanitizer sees a read past its end.
  const std::vector<uint8_t> exact(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
    std::cerr << "usage: replay_NAME FOLDER (a folder with inputs; this one is missing)\n";
    return 2;
  }
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::vector<uint8_t> input{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    std::cout << entry.path().filename().string() << " (" << input.size() << " bytes)"
              << std::endl;  // known before a crash
    const size_t step = input.size() / 64 + 1;
    for (size_t size = 0; size < input.size(); size += step) run(input, size);
    run(input, input.size());
    ++files;
  }
  std::cout << files << " inputs\n";
  return files == 0 ? 1 : 0;
}
