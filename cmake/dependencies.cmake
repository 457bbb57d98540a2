# Third-party libraries, all from the distribution. Each is used by the one folder named here (see docs/architecture.md).
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(tl-expected REQUIRED)
find_package(CLI11 REQUIRED)                                  # cli/
find_package(Boost 1.81 REQUIRED COMPONENTS json)             # base/json, server/, bench/
find_package(prometheus-cpp REQUIRED)                         # server/
find_package(PkgConfig REQUIRED)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)  # tokenizer/
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)  # tokenizer/
find_package(CURL 7.85 REQUIRED)                              # hub/
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)          # hub/
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)  # base/hash

if(TENFOLD_BUILD_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED)
endif()
