# The goldens of the tests are described in JSON.
find_package(nlohmann_json 3.10 REQUIRED)
if(RLE_TESTS)
  set(rle_model_test_libraries nlohmann_json::nlohmann_json)
endif()
