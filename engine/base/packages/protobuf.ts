/** protobuf-es: the wire format of TensorFlow's checkpoints and of TensorBoard's events. */
export { BinaryReader, BinaryWriter, WireType } from "npm:@bufbuild/protobuf@2.17.0/wire";
