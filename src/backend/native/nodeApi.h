// Between JavaScript's values and C++'s: what cannot be converted is thrown, and `guarded` (instance.h) hands it on.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace rlpd {

using Arguments = std::vector<napi_value>;

inline void check(napi_status status, const char* what) {
  if (status != napi_ok) throw std::runtime_error(std::string("Node-API call failed: ") + what);
}

inline double toNumber(napi_env env, napi_value value) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) throw std::invalid_argument("a number was expected");
  return number;
}

inline napi_value fromNumber(napi_env env, double number) {
  napi_value value;
  check(napi_create_double(env, number, &value), "create_double");
  return value;
}

inline napi_value undefined(napi_env env) {
  napi_value value;
  check(napi_get_undefined(env, &value), "get_undefined");
  return value;
}

struct Bytes {
  uint8_t* data;
  size_t size;
};

// The memory of a typed array, on a plain or a shared buffer alike.
inline Bytes bytesOf(napi_env env, napi_value array) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok)
    throw std::invalid_argument("a typed array was expected");
  const size_t width = type == napi_float64_array || type == napi_bigint64_array || type == napi_biguint64_array ? 8
                       : type == napi_float32_array || type == napi_int32_array || type == napi_uint32_array      ? 4
                       : type == napi_int16_array || type == napi_uint16_array                                    ? 2
                                                                                                                   : 1;
  return {static_cast<uint8_t*>(data), length * width};
}

inline std::vector<int64_t> integersOf(napi_env env, napi_value array) {
  uint32_t length = 0;
  if (napi_get_array_length(env, array, &length) != napi_ok) throw std::invalid_argument("an array was expected");
  std::vector<int64_t> list(length);
  for (uint32_t i = 0; i < length; i++) {
    napi_value item;
    check(napi_get_element(env, array, i, &item), "get_element");
    list[i] = static_cast<int64_t>(toNumber(env, item));
  }
  return list;
}

}  // namespace rlpd
