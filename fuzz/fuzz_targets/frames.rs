#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ompcord_fuzz::frames(data));
