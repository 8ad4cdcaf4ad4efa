"""What the generated class uses of Android and of TensorFlow Lite's support library 0.4.4: signatures only."""

STUBS = {
    "android.content.Context": """
public class Context {}
""",
    "android.graphics.Bitmap": """
public class Bitmap {}
""",
    "org.tensorflow.lite.DataType": """
public enum DataType { FLOAT32, UINT8 }
""",
    "org.tensorflow.lite.Tensor": """
public interface Tensor { int[] shape(); DataType dataType(); QuantizationParams
quantizationParams(); class QuantizationParams { public float getScale() { return 0; } public
int getZeroPoint() { return 0; } } }
""",
    "org.tensorflow.lite.support.common.FileUtil": """
public class FileUtil { public static java.util.List<String> loadLabels(java.io.InputStream s)
throws java.io.IOException { return null; } }
""",
    "org.tensorflow.lite.support.common.TensorOperator": """
public interface TensorOperator {}
""",
    "org.tensorflow.lite.support.image.ImageOperator": """
public interface ImageOperator {}
""",
    "org.tensorflow.lite.support.common.TensorProcessor": """
public class TensorProcessor { public org.tensorflow.lite.support.tensorbuffer.TensorBuffer
process(org.tensorflow.lite.support.tensorbuffer.TensorBuffer b) { return b; } public static
class Builder { public Builder add(TensorOperator o) { return this; } public TensorProcessor
build() { return null; } } }
""",
    "org.tensorflow.lite.support.image.ImageProcessor": """
public class ImageProcessor { public TensorImage process(TensorImage b) { return b; } public
static class Builder { public Builder add(ImageOperator o) { return this; } public Builder
add(org.tensorflow.lite.support.common.TensorOperator o) { return this; } public ImageProcessor
build() { return null; } } }
""",
    "org.tensorflow.lite.support.common.ops.CastOp": """
public class CastOp implements org.tensorflow.lite.support.common.TensorOperator { public
CastOp(org.tensorflow.lite.DataType t) {} }
""",
    "org.tensorflow.lite.support.common.ops.DequantizeOp": """
public class DequantizeOp implements org.tensorflow.lite.support.common.TensorOperator { public
DequantizeOp(float a, float b) {} }
""",
    "org.tensorflow.lite.support.common.ops.QuantizeOp": """
public class QuantizeOp implements org.tensorflow.lite.support.common.TensorOperator { public
QuantizeOp(float a, float b) {} }
""",
    "org.tensorflow.lite.support.common.ops.NormalizeOp": """
public class NormalizeOp implements org.tensorflow.lite.support.common.TensorOperator { public
NormalizeOp(float a, float b) {} public NormalizeOp(float[] a, float[] b) {} }
""",
    "org.tensorflow.lite.support.image.ops.ResizeOp": """
public class ResizeOp implements org.tensorflow.lite.support.image.ImageOperator { public enum
ResizeMethod { BILINEAR, NEAREST_NEIGHBOR } public ResizeOp(int h, int w, ResizeMethod m) {} }
""",
    "org.tensorflow.lite.support.image.TensorImage": """
public class TensorImage { public TensorImage() {} public
TensorImage(org.tensorflow.lite.DataType t) {} public static TensorImage
fromBitmap(android.graphics.Bitmap b) { return null; } public java.nio.ByteBuffer getBuffer() {
return null; } public void load(org.tensorflow.lite.support.tensorbuffer.TensorBuffer b) {} }
""",
    "org.tensorflow.lite.support.label.Category": """
public class Category {}
""",
    "org.tensorflow.lite.support.label.TensorLabel": """
public class TensorLabel { public TensorLabel(java.util.List<String> l,
org.tensorflow.lite.support.tensorbuffer.TensorBuffer b) {} public java.util.List<Category>
getCategoryList() { return null; } }
""",
    "org.tensorflow.lite.support.metadata.MetadataExtractor": """
public class MetadataExtractor { public MetadataExtractor(java.nio.ByteBuffer b) throws
java.io.IOException {} public org.tensorflow.lite.support.metadata.schema.TensorMetadata
getInputTensorMetadata(int i) { return null; } public
org.tensorflow.lite.support.metadata.schema.TensorMetadata getOutputTensorMetadata(int i) {
return null; } public java.io.InputStream getAssociatedFile(String n) { return null; } }
""",
    "org.tensorflow.lite.support.metadata.schema.Table": """
public class Table {}
""",
    "org.tensorflow.lite.support.metadata.schema.NormalizationOptions": """
public class NormalizationOptions extends Table { public java.nio.ByteBuffer meanAsByteBuffer()
{ return null; } public java.nio.ByteBuffer stdAsByteBuffer() { return null; } }
""",
    "org.tensorflow.lite.support.metadata.schema.ProcessUnit": """
public class ProcessUnit { public Table options(Table t) { return t; } }
""",
    "org.tensorflow.lite.support.metadata.schema.AssociatedFile": """
public class AssociatedFile { public String name() { return null; } }
""",
    "org.tensorflow.lite.support.metadata.schema.TensorMetadata": """
public class TensorMetadata { public ProcessUnit processUnits(int i) { return null; } public
AssociatedFile associatedFiles(int i) { return null; } }
""",
    "org.tensorflow.lite.support.model.Model": """
public class Model { public static class Options { public static class Builder { public Options
build() { return null; } } } public static Model createModel(android.content.Context c, String
p, Options o) throws java.io.IOException { return null; } public java.nio.ByteBuffer getData() {
return null; } public org.tensorflow.lite.Tensor getInputTensor(int i) { return null; } public
org.tensorflow.lite.Tensor getOutputTensor(int i) { return null; } public void run(Object[] a,
java.util.Map<Integer, Object> b) {} public void close() {} }
""",
    "org.tensorflow.lite.support.tensorbuffer.TensorBuffer": """
public abstract class TensorBuffer { public static TensorBuffer createFixedSize(int[] s,
org.tensorflow.lite.DataType t) { return null; } public java.nio.ByteBuffer getBuffer() { return
null; } public void loadBuffer(java.nio.ByteBuffer b) {} }
""",
}
