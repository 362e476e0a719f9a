export function UploadButton() {
  return null;
}
