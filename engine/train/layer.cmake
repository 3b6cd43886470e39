# The description inside a checkpoint is JSON.
find_package(nlohmann_json 3.10 REQUIRED)
target_link_libraries(rle_train PRIVATE nlohmann_json::nlohmann_json)
if(RLE_TESTS)
  set(rle_train_test_libraries nlohmann_json::nlohmann_json)
endif()
