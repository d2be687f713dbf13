#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| haremq_fuzz::execute("handshake", input));
