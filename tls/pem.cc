#include "tls/pem.h"

#include <openssl/pem.h>

#include "tls/native.h"

namespace narthex::tls {

PemEnd read_pem(std::string_view text, const std::function<bool(const PemBlock&)>& visit) {
  const QuietErrors quiet;
  const BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  for (;;) {
    char* label = nullptr;
    char* header = nullptr;
    unsigned char* der = nullptr;
    long size = 0;
    if (!bio || PEM_read_bio(bio.get(), &label, &header, &der, &size) != 1) {
      const bool no_more = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
      return no_more ? PemEnd::complete : PemEnd::damaged;
    }
    const std::string_view name(label);
    const bool encrypted =
        name == "ENCRYPTED PRIVATE KEY" || std::string_view(header).find("ENCRYPTED") != std::string_view::npos;
    const bool more = visit({name, {reinterpret_cast<const char*>(der), static_cast<size_t>(size)}, encrypted});
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, static_cast<size_t>(size));
    if (!more) return PemEnd::complete;
  }
}

}  // namespace narthex::tls
