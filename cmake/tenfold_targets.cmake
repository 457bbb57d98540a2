# tenfold_library, tenfold_test and tenfold_binary: one folder of src/tenfold is one library target.
include(GoogleTest)

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
# Sanitized code keeps its DCHECKs and enough optimization that the engine tests finish in minutes.
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1")

add_library(tenfold_flags INTERFACE)
target_include_directories(tenfold_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
# No contraction: whether a product and a sum fuse must not depend on what the compiler sees around them (law 2).
target_compile_options(tenfold_flags INTERFACE -Wall -Wextra -Wno-psabi -fno-math-errno -ffp-contract=off
                                               -fno-omit-frame-pointer)
# Google Test's macros convert literals freely, so tests go without -Wconversion.
target_compile_options(tenfold_flags INTERFACE $<$<NOT:$<BOOL:$<TARGET_PROPERTY:TENFOLD_IS_TEST>>>:-Wconversion>)
# g++ 12 and 13 see uninitialized values inside std::optional where there are none (GCC bug 80635).
target_compile_options(tenfold_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
if(TENFOLD_WERROR)
  target_compile_options(tenfold_flags INTERFACE -Werror)
endif()
if(TENFOLD_SANITIZE)
  target_compile_options(tenfold_flags INTERFACE -fsanitize=${TENFOLD_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(tenfold_flags INTERFACE -fsanitize=${TENFOLD_SANITIZE})
endif()
if(TENFOLD_SANITIZE MATCHES "address")
  # The address sanitizer sees what leaves an object; checks of this kind as well make g++ take twice as long.
  target_compile_options(tenfold_flags INTERFACE -fno-sanitize=object-size)
endif()
if(TENFOLD_SANITIZE STREQUAL "thread")
  # Asio issues fences, which g++ says the sanitizer does not see; the accesses around them are atomic all the same.
  target_compile_options(tenfold_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
endif()
if(TENFOLD_FUZZ)
  target_compile_options(tenfold_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# tenfold_library(NAME cache SOURCES a.cc b.cc DEPS tensor base LIBRARIES fmt::fmt)
# DEPS are folders of src/tenfold, LIBRARIES are third-party targets.
function(tenfold_library)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS;LIBRARIES" ${ARGN})
  add_library(tenfold_${ARG_NAME} STATIC ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPS PREPEND tenfold_)
  target_link_libraries(tenfold_${ARG_NAME} PUBLIC tenfold_flags ${ARG_DEPS} ${ARG_LIBRARIES})
endfunction()

# tenfold_test(NAME cache SOURCES page_pool_test.cc DEPS cache): one executable per folder, each TEST a ctest entry
# with the folder's name as its label.
function(tenfold_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SOURCES;DEPS;LIBRARIES" ${ARGN})
  if(NOT TENFOLD_BUILD_TESTS)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${ARG_NAME}_test ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPS PREPEND tenfold_)
  target_link_libraries(${ARG_NAME}_test PRIVATE tenfold_flags ${ARG_DEPS} ${ARG_LIBRARIES} GTest::gmock
                                                 GTest::gtest_main rapidcheck)
  target_compile_definitions(${ARG_NAME}_test PRIVATE TENFOLD_SHARED_DIR="${CMAKE_SOURCE_DIR}/../shared"
                                                      TENFOLD_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  set_target_properties(${ARG_NAME}_test PROPERTIES TENFOLD_IS_TEST ON)
  gtest_discover_tests(${ARG_NAME}_test NO_PRETTY_VALUES PROPERTIES LABELS ${ARG_NAME} TIMEOUT ${ARG_TIMEOUT} DISCOVERY_TIMEOUT 60)
endfunction()
