//! The first part of the corpus: files of phones, cameras and tools, of bug reports, and of crashes.

use super::super::support::corpus;
use super::corpus_files;
use super::expected::{Compared, audio_only, failed, planned, ready};

corpus_files! {
    corpus;
    test {
    audio_missing_stsd_mp4 "audio_missing_stsd.mp4" => failed("source-damaged"),
    audioonly_aac_10s_mp4 "audioonly_aac_10s.mp4" => audio_only(10.008, 1),
    audioonly_aac_1s_mp4 "audioonly_aac_1s.mp4" => audio_only(1.003, 1),
    audioonly_two_tracks_stereo_51_mp4 "audioonly_two_tracks_stereo_51.mp4" => audio_only(10.005, 2),
    chunk_out_of_range_mp4 "chunk_out_of_range.mp4" => failed("source-damaged"),
    corrupt_ebml_header_mkv "corrupt_ebml_header.mkv" => failed("source-damaged"),
    crash_0_timescale_mp4 "crash_0_timescale.mp4" => failed("source-damaged"),
    crash_1257700_2873x5115_vp9_webm "crash_1257700_2873x5115_vp9.webm" => failed("source-damaged"),
    crash_1301065_duration_209146758s_mp4 "crash_1301065_duration_209146758s.mp4" => failed("source-damaged"),
    crash_1389299_fmp4_mp4 "crash_1389299_fmp4.mp4" => failed("encrypted"),
    crash_1833896_bad_timescale_mp4 "crash_1833896_bad_timescale.mp4" => failed("source-damaged"),
    crash_1840002_duration_17e9s_webm "crash_1840002_duration_17e9s.webm" => failed("source-damaged"),
    crash_1905231_probed_as_h263_webm "crash_1905231_probed_as_h263.webm" => failed("source-damaged"),
    encrypted_cenc_fmp4_mp4 "encrypted_cenc_fmp4.mp4" => failed("encrypted"),
    flv_header_only_flv "flv_header_only.flv" => failed("source-damaged"),
    ftyp_only_48bytes_mp4 "ftyp_only_48bytes.mp4" => failed("source-damaged"),
    header_only_claims_231s_720p_mp4 "header_only_claims_231s_720p.mp4" => failed("source-damaged"),
    invalid_vp9_bitstream_webm "invalid_vp9_bitstream.webm" => failed("source-damaged"),
    malformed_free_box_mp4 "malformed_free_box.mp4" => failed("source-damaged"),
    moov_without_tracks_mp4 "moov_without_tracks.mp4" => failed("source-damaged"),
    negative_duration_720p_mp4 "negative_duration_720p.mp4" => failed("source-damaged"),
    no_moov_truncated_mp4 "no_moov_truncated.mp4" => failed("source-damaged"),
    text_named_mp4 "text_named.mp4" => failed("not-media"),
    timescale_zero_bad_matrix_mp4 "timescale_zero_bad_matrix.mp4" => failed("source-damaged"),
    tiny_1x1_yuv444_1fps_mp4 "tiny_1x1_yuv444_1fps.mp4" => failed("picture-too-small"),
    truncated_262bytes_mp4 "truncated_262bytes.mp4" => failed("source-damaged"),
    truncated_at_100000_bytes_1080p_mp4 "truncated_at_100000_bytes_1080p.mp4" => ready("360p 240p", (640, 360), 0.51, 0)
        .differs(&["frames-lost"], "ffmpeg decodes the part of a frame before the cut"),
    ts_zero_video_frames_ts "ts_zero_video_frames.ts" => audio_only(1.672, 1),
    zero_bytes_mp4 "zero_bytes.mp4" => failed("source-empty"),
    zero_stsc_claims_41s_720p_mp4 "zero_stsc_claims_41s_720p.mp4" => failed("source-damaged"),

    bbb_1080p24_30s_aac51_mp4 "bbb_1080p24_30s_aac51.mp4" => planned("360p 240p", (640, 360), 30.016, 1), // other tests encode it
    bbb_480p24_30s_aac51_mp4 "bbb_480p24_30s_aac51.mp4" => planned("360p 240p", (640, 360), 30.016, 1), // other tests encode it
    timecode_720p30_42s_aac_mp4 "timecode_720p30_42s_aac.mp4" => planned("360p 240p", (640, 360), 42.411, 1), // other tests encode it
    avsync_1080p30_63s_av1_aac_mp4 "avsync_1080p30_63s_av1_aac.mp4" => planned("360p 240p", (640, 360), 63.089, 1), // it lasts 63 s
    black_1080p30_363s_silent_mp4 "black_1080p30_363s_silent.mp4" => planned("360p 240p", (640, 360), 362.767, 1), // it lasts 363 s
    pattern_4k_hlg_h264_high10_14s_mp4 "pattern_4k_hlg_h264_high10_14s.mp4" => planned("360p 240p", (640, 360), 14.0, 0), // tone-mapping 420 frames of 4K
    phone_hdr10_av1_720x1280_mp4 "phone_hdr10_av1_720x1280.mp4" => planned("360p 240p", (360, 640), 4.238, 1), // tone-mapping 127 frames
    testsrc_1080p60_60s_noaudio_mp4 "testsrc_1080p60_60s_noaudio.mp4" => planned("360p 240p", (640, 360), 60.0, 0), // it lasts 60 s
    testsrc_240p120_60s_noaudio_mp4 "testsrc_240p120_60s_noaudio.mp4" => planned("240p 160p", (320, 240), 60.0, 0), // it lasts 60 s

    anamorphic_sar2to1_360p_mp4 "anamorphic_sar2to1_360p.mp4" => ready("360p 240p", (640, 180), 5.0, 0),
    anamorphic_sar2to3_360p_mp4 "anamorphic_sar2to3_360p.mp4" => ready("360p 240p", (426, 360), 2.02, 1),
    anamorphic_sar3to2_1280x1080_mp4 "anamorphic_sar3to2_1280x1080.mp4" => ready("360p 240p", (640, 360), 5.229, 1),
    android_1080p_rot90_1s_mp4 "android_1080p_rot90_1s.mp4" => ready("360p 240p", (360, 640), 1.1, 1),
    androidscreen_vfr_1080x2280_mp4 "androidscreen_vfr_1080x2280.mp4" => ready("360p 240p", (304, 640), 8.423, 0),
    audio_shorter_than_video_mp4 "audio_shorter_than_video.mp4" => ready("240p 160p", (320, 240), 1.2, 1),
    audio_starts_1s_late_mp4 "audio_starts_1s_late.mp4" => ready("360p 240p", (400, 300), 3.099, 1),
    avchd_1080i2997_ac3_mts "avchd_1080i2997_ac3.mts" => ready("360p 240p", (640, 360), 1.036, 1),
    avi_h264_wrong_length_avi "avi_h264_wrong_length.avi" => ready("144p 96p", (256, 144), 2.033, 1)
        .differs(&["frames-early", "frames-lost"], "AVI has no composition times: ffmpeg guesses two frames later"),
    avi_inside_named_mp4 "avi_inside_named.mp4" => ready("360p 240p", (640, 356), 1.113, 0),
    browser_rec_no_duration_webm "browser_rec_no_duration.webm" => ready("360p 240p", (640, 360), 4.938, 1),
    clip_5fps_720p_avi "clip_5fps_720p.avi" => ready("360p 240p", (640, 360), 2.0, 0),
    clip_flv1_mp3_170x120_flv "clip_flv1_mp3_170x120.flv" => ready("120p 80p", (170, 120), 1.167, 1)
        .differs(&["frames-lost"], "the last B-frames, of 26 bytes, look like their neighbours"),
    corrupted_720p_10fps_mp4 "corrupted_720p_10fps.mp4" => ready("360p 240p", (640, 360), 5.0, 0),
    crash_1187067_h264_128x90_mp4 "crash_1187067_h264_128x90.mp4" => ready("90p 60p", (160, 90), 0.08, 0).compared(Compared::Streams),
    crash_1414444_timestamps_85017s_mp4 "crash_1414444_timestamps_85017s.mp4" => ready("240p 160p", (320, 240), 1.667, 0).compared(Compared::Streams),
    crash_1903669_h264_mp4 "crash_1903669_h264.mp4" => ready("240p 160p", (400, 240), 0.8, 0),
    crash_789075_9841x705_vp8_webm "crash_789075_9841x705_vp8.webm" => ready("360p 240p", (640, 46), 0.033, 0),
    crash_zero_dimensions_track_mp4 "crash_zero_dimensions_track.mp4" => ready("18p 12p", (32, 18), 0.938, 1).compared(Compared::Streams),
    date_named_160x120_mp4 "date_named_160x120.mp4" => ready("120p 80p", (160, 120), 2.0, 0),
    editlist_trims_start_mp4 "editlist_trims_start.mp4" => ready("360p 240p", (640, 360), 9.008, 1).is_static(),
    empty_second_video_track_mp4 "empty_second_video_track.mp4" => ready("360p 240p", (540, 360), 1.089, 1),
    extreme_16x4000_ts "extreme_16x4000.ts" => ready("360p 240p", (2, 640), 1.0, 0)
        .differs(&["colour"], "two pixels share a colour difference"),
    first_pts_10s_editlist_mp4 "first_pts_10s_editlist.mp4" => ready("360p 240p", (640, 360), 4.0, 0),
    fmp4_1080p_rot90_51_mp4 "fmp4_1080p_rot90_51.mp4" => ready("360p 240p", (360, 640), 2.005, 1),
    fmp4_bad_duration_mp4 "fmp4_bad_duration.mp4" => ready("360p 240p", (540, 360), 1.068, 1).is_static(),
    hlg10_hevc_1080p_9frames_mp4 "hlg10_hevc_1080p_9frames.mp4" => ready("360p 240p", (640, 360), 0.3, 1),
    invalid_nalu_mp4 "invalid_nalu.mp4" => ready("360p 240p", (540, 360), 1.001, 0),
    iphone_320p_rot270_3frames_mov "iphone_320p_rot270_3frames.mov" => ready("360p 240p", (320, 568), 0.1, 0),
    macscreen_vfr_3026x1386_mp4 "macscreen_vfr_3026x1386.mp4" => ready("360p 240p", (640, 294), 8.726, 0),
    mdat_longer_than_file_mp4 "mdat_longer_than_file.mp4" => ready("360p 240p", (540, 360), 1.089, 1),
    mkv_ac3_mono_1080x720_mkv "mkv_ac3_mono_1080x720.mkv" => ready("360p 240p", (540, 360), 1.139, 1),
    mkv_ass_mkv "mkv_ass.mkv" => ready("360p 240p", (540, 360), 1.139, 1),
    mkv_webvtt_mkv "mkv_webvtt.mkv" => ready("200p 132p", (300, 200), 2.023, 1),
    mpeg1_sar64to45_cif_mpg "mpeg1_sar64to45_cif.mpg" => ready("360p 240p", (500, 288), 1.5, 1),
    noaudio_480p_mp4 "noaudio_480p.mp4" => ready("360p 240p", (480, 360), 5.002, 0),
    odd_161x121_vp9_webm "odd_161x121_vp9.webm" => ready("120p 80p", (160, 120), 1.001, 0),
    people_12fps_gif "people_12fps.gif" => ready("360p 240p", (480, 270), 1.917, 0).known(&["undecodable"], "no demuxer of GIF comes to an end here"),
    phone_mpeg4_amr_qcif_3gp "phone_mpeg4_amr_qcif.3gp" => ready("144p 96p", (176, 144), 4.933, 1),
    quicktime_mjpeg_422_320x240_mov "quicktime_mjpeg_422_320x240.mov" => ready("240p 160p", (320, 240), 1.0, 0),
    rotate_and_mirror_1080x720_mp4 "rotate_and_mirror_1080x720.mp4" => ready("360p 240p", (360, 540), 1.089, 1),
    single_frame_46x48_mp4 "single_frame_46x48.mp4" => ready("46p 30p", (46, 48), 1.0, 0),
    tiny_16x16_10fps_mp4 "tiny_16x16_10fps.mp4" => ready("16p 10p", (16, 16), 1.0, 0).is_static(),
    tiny_2x2_one_frame_mp4 "tiny_2x2_one_frame.mp4" => ready("2p", (2, 2), 0.158, 1).compared(Compared::Nothing),
    ts_missing_sei_and_pes_ts "ts_missing_sei_and_pes.ts" => ready("90p 60p", (160, 90), 1.2, 0),
    video_starts_1s_late_1080p_mp4 "video_starts_1s_late_1080p.mp4" => ready("360p 240p", (640, 360), 10.005, 1).is_static(),
    vp9_profile2_10bit_240p_webm "vp9_profile2_10bit_240p.webm" => ready("240p 160p", (426, 240), 3.003, 0)
        .differs(&["colour"], "BT.2020 by its matrix alone: primaries are converted, too"),
    }
    corpus {
    bbb_720p24_30s_vp8_vorbis_webm "bbb_720p24_30s_vp8_vorbis.webm" => ready("360p 240p", (640, 360), 30.022, 1),
    clip_theora_vorbis_300p_29s_ogv "clip_theora_vorbis_300p_29s.ogv" => ready("360p 240p", (400, 300), 29.533, 1),
    nasa_two_video_two_audio_two_sub_mp4 "nasa_two_video_two_audio_two_sub.mp4" => ready("180p 120p", (320, 180), 13.056, 2),
    webcam_h264_aac_360p_19s_flv "webcam_h264_aac_360p_19s.flv" => ready("360p 240p", (640, 360), 19.033, 1),
    portrait_576x1024_16s_mp4 "portrait_576x1024_16s.mp4" => ready("360p 240p", (360, 640), 16.207, 1),
    mkv_chapters_attachment_288p_18s_mkv "mkv_chapters_attachment_288p_18s.mkv" => ready("360p 240p", (384, 288), 17.845, 1),
    clip_h264_360p_13s_3gp "clip_h264_360p_13s.3gp" => ready("360p 240p", (640, 360), 13.347, 0),
    failing_audio_360p_mp4 "failing_audio_360p.mp4" => ready("360p 240p", (640, 360), 11.234, 1),
    eight_mono_audio_tracks_720p50_422_mp4 "eight_mono_audio_tracks_720p50_422.mp4" => ready("360p 240p", (640, 360), 10.005, 8).is_static(),
    anim_hevc_1080p30_10s_iccprofile_mp4 "anim_hevc_1080p30_10s_iccprofile.mp4" => ready("360p 240p", (640, 360), 10.005, 1),
    sd_mpeg2_576p_mxf "sd_mpeg2_576p.mxf" => ready("360p 240p", (480, 360), 10.64, 0),
    phone_4k60_rot90_18frames_mp4 "phone_4k60_rot90_18frames.mp4" => ready("360p 240p", (360, 640), 0.313, 1),
    clip_wmv2_wmav2_240p_wmv "clip_wmv2_wmav2_240p.wmv" => ready("240p 160p", (320, 240), 5.629, 1),
    clip_rv10_ac3_rm "clip_rv10_ac3.rm" => ready("360p 240p", (352, 288), 5.616, 1),
    camera_1080p50_pcm_mov "camera_1080p50_pcm.mov" => ready("360p 240p", (640, 360), 2.0, 1),
    city_mpeg2_405p_7s_mpg "city_mpeg2_405p_7s.mpg" => ready("360p 240p", (640, 360), 7.6, 0),
    phone_h263_amr_cif_3gp "phone_h263_amr_cif.3gp" => ready("360p 240p", (504, 288), 5.576, 1),
    undefined_dar_480p_mp4 "undefined_dar_480p.mp4" => ready("360p 240p", (480, 360), 3.41, 1),
    matroska_test5_multisub_576p_mkv "matroska_test5_multisub_576p.mkv" => ready("360p 240p", (640, 360), 2.017, 2),
    phonecam_vp9_opus_480p_880fps_webm "phonecam_vp9_opus_480p_880fps.webm" => ready("360p 240p", (480, 360), 5.229, 1),
    mkv_pgs_mkv "mkv_pgs.mkv" => ready("360p 240p", (540, 360), 1.01, 1),
    mkv_srt_mkv "mkv_srt.mkv" => ready("360p 240p", (540, 360), 1.072, 1),
    single_frame_hevc_480p_mp4 "single_frame_hevc_480p.mp4" => ready("360p 240p", (480, 360), 0.04, 0),
    iphone_hlg_dolbyvision_rot90_noaudio_mov "iphone_hlg_dolbyvision_rot90_noaudio.mov" => ready("360p 240p", (360, 640), 1.667, 0).is_static(),
    phone_480p_rot90_editlist_mp4 "phone_480p_rot90_editlist.mp4" => ready("360p 240p", (360, 480), 5.229, 1),
    phone_720p_rot180_vfr_mp4 "phone_720p_rot180_vfr.mp4" => ready("360p 240p", (640, 360), 2.417, 1),
    iphone_portrait_rot90_320p_mov "iphone_portrait_rot90_320p.mov" => ready("360p 240p", (320, 568), 2.069, 1),
    partially_fragmented_mp4 "partially_fragmented.mp4" => ready("360p 240p", (540, 360), 1.156, 1),
    clip_mpeg4_mp3_270p_avi "clip_mpeg4_mp3_270p.avi" => ready("360p 240p", (480, 270), 5.033, 1),
    mp4_3chapters_mp4 "mp4_3chapters.mp4" => ready("360p 240p", (540, 360), 1.089, 1),
    mp4_tx3g_subtitles_mp4 "mp4_tx3g_subtitles.mp4" => ready("200p 132p", (300, 200), 2.0, 1),
    no_sync_sample_table_mp4 "no_sync_sample_table.mp4" => ready("360p 240p", (540, 360), 1.001, 0),
    ts_duplicate_audio_dts_ts "ts_duplicate_audio_dts.ts" => ready("360p 240p", (640, 360), 2.0, 1),
    quicktime_prores422_320x240_mov "quicktime_prores422_320x240.mov" => ready("240p 160p", (320, 240), 1.0, 0),
    slides_1fps_yuvj444_sar3to4_mp4 "slides_1fps_yuvj444_sar3to4.mp4" => ready("180p 120p", (240, 180), 30.0, 0),
    pattern_480i_bff_mpeg2_mkv "pattern_480i_bff_mpeg2.mkv" => ready("360p 240p", (640, 360), 10.016, 1),
    }
}
