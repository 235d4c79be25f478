#include <fmt/format.h>

#include <algorithm>

#include "controller/finding_on.h"
#include "controller/translate.h"

namespace narthex::controller {
namespace {

// A Secret that an Ingress offers for a host.
struct Offer {
  const config::IngressTls* entry;
  bool names_host;  // false: the entry is for other hosts, but its certificate may cover this one too
};

bool has_rule(const config::Ingress& ingress, const std::string& host) {
  return std::any_of(ingress.rules.begin(), ingress.rules.end(),
                     [&](const config::IngressRule& rule) { return rule.host == host; });
}

// The entries that name the host (an entry without hosts names all hosts of the rules); where there is none, every
// entry, as ingress-nginx does.
std::vector<Offer> offers_for(const config::Ingress& ingress, const std::string& host) {
  std::vector<Offer> offers;
  for (const config::IngressTls& entry : ingress.tls) {
    const bool listed = std::find(entry.hosts.begin(), entry.hosts.end(), host) != entry.hosts.end();
    if (listed || (entry.hosts.empty() && has_rule(ingress, host))) offers.push_back({&entry, true});
  }
  if (!offers.empty()) return offers;
  for (const config::IngressTls& entry : ingress.tls) offers.push_back({&entry, false});
  return offers;
}

const char* type_name(tls::KeyType type) {
  switch (type) {
    case tls::KeyType::ecdsa: return "ECDSA";
    case tls::KeyType::rsa: return "RSA";
    case tls::KeyType::ed25519: return "Ed25519";
  }
  return "";
}

// Who stands in the way of a further certificate: one of the same key type, or of another namespace. Nobody else may
// slip in a certificate for some clients by using another key type.
const ChosenCertificate* rival(const std::vector<ChosenCertificate>& chosen, const ChosenCertificate& offered) {
  for (const ChosenCertificate& other : chosen) {
    if (other.secret.ns != offered.secret.ns) return &other;
    if (other.certificate->key_type() == offered.certificate->key_type()) return &other;
  }
  return nullptr;
}

}  // namespace

TranslatedCertificates translate_certificates(const Store& store, const CertificateBook& book,
                                              const std::string& host) {
  TranslatedCertificates result;
  for (const config::Ingress* ingress : store.ingresses_of_certificate_host(host)) {
    for (const Offer& offer : offers_for(*ingress, host)) {
      const config::ObjectKey secret{ingress->meta.key.ns, offer.entry->secret};
      const SecretCertificate& page = book.look_up(secret);
      if (page.state != SecretState::usable || !page.certificate->covers(host)) continue;
      const ChosenCertificate offered{secret, page.certificate};
      const ChosenCertificate* other = rival(result.chosen, offered);
      if (!other) {
        result.chosen.push_back(offered);
      } else if (offer.names_host && other->secret != secret &&
                 other->certificate->fingerprint() != page.certificate->fingerprint()) {
        result.findings.push_back(finding_on(
            *ingress, config::Severity::refused, "CertificateConflict", secret_field(*offer.entry),
            fmt::format("host {} is already served with the {} certificate in Secret {}, so the one in Secret "
                        "{} is not used; remove one of the two",
                        host, type_name(other->certificate->key_type()), to_text(other->secret), to_text(secret))));
      }
    }
  }
  std::sort(result.chosen.begin(), result.chosen.end(), [](const ChosenCertificate& a, const ChosenCertificate& b) {
    return a.certificate->key_type() < b.certificate->key_type();
  });
  return result;
}

TranslatedCertificates translate_default_certificate(const Store& store, const CertificateBook& book,
                                                     const config::ObjectKey& secret) {
  TranslatedCertificates result;
  const SecretCertificate& page = book.look_up(secret);
  if (page.state == SecretState::usable) {
    result.chosen.push_back({secret, page.certificate});
    return result;
  }
  config::Secret absent;
  absent.meta.key = secret;
  const config::Secret* object = store.secret(secret);
  const std::string why = page.state == SecretState::missing ? "there is no such Secret; create it" : page.why;
  result.findings.push_back(finding_on(object ? *object : absent, config::Severity::refused,
                                       "DefaultCertificateUnusable", "--default-ssl-certificate",
                                       why + "; a self-made certificate serves instead"));
  return result;
}

}  // namespace narthex::controller
