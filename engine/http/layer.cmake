# Boost.Asio and Boost.Beast are headers; TLS is OpenSSL's.
find_package(Boost 1.74 REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
target_link_libraries(rle_http PRIVATE Boost::headers OpenSSL::SSL OpenSSL::Crypto)
set(rle_http_test_libraries OpenSSL::SSL OpenSSL::Crypto)
