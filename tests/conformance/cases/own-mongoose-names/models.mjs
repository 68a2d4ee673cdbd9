import mongoose from 'mongoose';

const schema = () => new mongoose.Schema({ value: String });
mongoose.model('Person', schema());
mongoose.model('Category', new mongoose.Schema({ isHTMLBody: String, userID: String, oauth2Token: String }));
mongoose.model('OrderStatus', new mongoose.Schema({ value: String }));
mongoose.model('Media', new mongoose.Schema({ value: String }));
mongoose.model('Box', new mongoose.Schema({ value: String }));
mongoose.model('Key', new mongoose.Schema({ value: String }));
mongoose.model('Leaf', new mongoose.Schema({ value: String }));
mongoose.model('Analysis', new mongoose.Schema({ value: String }));
mongoose.model('users', new mongoose.Schema({ value: String }));
mongoose.model('BlogPost', new mongoose.Schema({ value: String }));
mongoose.model('Team2', new mongoose.Schema({ order: String, user: String, select: Number, 'a "b"': String }));
mongoose.model('Named', new mongoose.Schema({ value: String }, { collection: 'odd "name\'' }));
