// The plugin comes without types. It registers itself with Video.js.
declare module "videojs-sprite-thumbnails";
