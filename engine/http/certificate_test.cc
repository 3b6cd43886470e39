// TLS with a certificate made on the spot.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "base/temporary_folder.h"
#include "http/client.h"
#include "http/http_testing.h"

namespace rle {
namespace {

void extend(X509* certificate, int id, const char* value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

void write_certificate(const std::filesystem::path& folder) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("rle test"), -1,
                             -1, 0);
  X509_set_issuer_name(certificate, name);
  extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate, NID_subject_alt_name, "IP:127.0.0.1");
  X509_sign(certificate, key, EVP_sha256());
  FILE* file = std::fopen((folder / "key.pem").c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  file = std::fopen((folder / "certificate.pem").c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

namespace {

class TlsServer : public ::testing::Test {
 protected:
  TlsServer() {
    write_certificate(folder_);
    ServerOptions options;
    options.certificate_file = folder_ / "certificate.pem";
    options.key_file = folder_ / "key.pem";
    options.limits.handshake = std::chrono::milliseconds(300);
    server_ =
        std::make_unique<HttpServer>(options, [](Request request, std::shared_ptr<Responder> responder) {
          if (request.path != "/lines") return responder->send({200, "text/plain", request.body, {}});
          responder->begin({200, "text/plain", "", {}});
          for (int i = 0; i < 1000; ++i) responder->write(fmt::format("line {}\n", i));
          responder->finish();
        });
    server_->start();
  }
  HttpClient client(bool trusting = true) const {
    return HttpClient({server_->url(), "", trusting ? (folder_ / "certificate.pem").string() : ""});
  }

  TemporaryFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
  std::unique_ptr<HttpServer> server_;
};

TEST_F(TlsServer, AnswersThoseWhoTrustIt) {
  EXPECT_TRUE(server_->url().starts_with("https://127.0.0.1:"));
  const std::string body(3'000'000, 'x');
  const Response answer = client().request("POST", "/", body);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, body);
}

TEST_F(TlsServer, StreamsLines) {
  int count = 0;
  const Response answer = client().lines("/lines", {}, [&](std::string_view line) {
    EXPECT_EQ(line, fmt::format("line {}", count++));
    return true;
  });
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(count, 1000);
}

TEST_F(TlsServer, ACertificateThatNobodyVouchesForIsRefused) {
  EXPECT_THROW(client(false).request("GET", "/"), Error);
}

TEST_F(TlsServer, OtherThanTlsIsClosed) {
  RawClient plain(server_->port());
  plain.send(get("/"));
  plain.read_all();
  RawClient silent(server_->port());  // the handshake has a deadline
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_EQ(client().request("GET", "/").status, 200);
}

TEST_F(TlsServer, TooLargeABodyIsToldThoughItIsStillSent) {
  const Response answer = client().request("POST", "/", std::string(20'000'000, 'x'));
  EXPECT_EQ(answer.status, 413);
}

TEST(TlsOptions, FilesThatAreNoneAreNamed) {
  ServerOptions options;
  options.certificate_file = "/nowhere/certificate.pem";
  options.key_file = "/nowhere/key.pem";
  EXPECT_THROW(HttpServer(options, nullptr), Error);
  EXPECT_THROW(is_loopback("nonsense"), Error);
  EXPECT_TRUE(is_loopback("127.0.0.1") && is_loopback("[::1]") && is_loopback("localhost"));
  EXPECT_FALSE(is_loopback("0.0.0.0") || is_loopback("::") || is_loopback("10.0.0.1"));
}

}  // namespace
}  // namespace rle
