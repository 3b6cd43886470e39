# *_simd.cc once per instruction set, each into the namespace of its name. -fopenmp-simd only lets a loop be marked as free to
# reorder its reduction; nothing of OpenMP is linked.
file(GLOB simd_sources CONFIGURE_DEPENDS ${folder}/*_simd.cc)
set(isa_flags_baseline "")
set(isa_flags_avx2 -mavx2 -mfma -mf16c)
set(isa_flags_avx512 -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
foreach(isa baseline avx2 avx512)
  add_library(rle_kernel_${isa} OBJECT ${simd_sources})
  rle_warnings(rle_kernel_${isa})
  target_compile_definitions(rle_kernel_${isa} PRIVATE RLE_ISA=${isa} RLE_ISA_${isa})
  target_compile_options(rle_kernel_${isa} PRIVATE -O3 -fopenmp-simd -ffp-contract=fast -fno-math-errno -fno-trapping-math ${isa_flags_${isa}})
  target_include_directories(rle_kernel_${isa} PRIVATE ${include} ${PROJECT_BINARY_DIR}/include/base ${PROJECT_BINARY_DIR}/include/tensor)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:rle_kernel_${isa}>)
endforeach()
